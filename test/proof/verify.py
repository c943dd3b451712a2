#!/usr/bin/env python3
"""Verifies audit-ledger bundles, written from the specifications alone: RFC 9162 section 2.1
(tree, MTH), C2SP signed-note, tlog-checkpoint and tlog-cosignature, RFC 8785 as Python's json
can check it. Only the standard library and the openssl command (for Ed25519).

    verify.py KEY[,KEY...] WITNESS[,WITNESS...] QUORUM BUNDLE...

Keys are vkeys. Prints a line per bundle: its name, `ok` or `bad`, leaves, what is wrong."""

import base64, hashlib, json, re, subprocess, sys, tempfile

SPKI = bytes.fromhex('302a300506032b6570032100')
LEAF = re.compile(rb'\{"hash":"([A-Za-z0-9+/]{43}=)","index":"(0|[1-9][0-9]*)","leaf":(.*)\}')


def sha(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha(b'\x01' + left + right)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(mth(leaves[:k]), mth(leaves[k:]))


def range_root(lo, hi, start, leaves, proof):
    """MTH(D[lo:hi]) where D[start:start + len(leaves)] are known and the rest is in the proof."""
    end = start + len(leaves)
    if hi <= start or lo >= end:
        return proof.pop(0)
    if lo >= start and hi <= end:
        return mth(leaves[lo - start:hi - start])
    middle = lo + split(hi - lo)
    left = range_root(lo, middle, start, leaves, proof)
    return node(left, range_root(middle, hi, start, leaves, proof))


def ed25519(public, message, signature):
    files = [tempfile.NamedTemporaryFile() for _ in range(3)]
    for file, data in zip(files, (SPKI + public, message, signature)):
        file.write(data)
        file.flush()
    key, text, sig = (file.name for file in files)
    command = ['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', key, '-keyform', 'DER',
               '-rawin', '-in', text, '-sigfile', sig]
    return subprocess.run(command, capture_output=True).returncode == 0


def vkey(text):
    name, number, material = text.split('+', 2)
    raw = base64.b64decode(material, validate=True)
    if sha(name.encode() + b'\n' + raw)[:4].hex() != number:
        raise ValueError('key id')
    return name, bytes.fromhex(number), raw[0], raw[1:]


def open_checkpoint(note, logs, witnesses, quorum):
    """(origin, size, root) of a signed note, or an error."""
    text, _, lines = note.rpartition('\n\n')
    text += '\n'
    origin, size, root = text.split('\n')[:3]
    signed, cosigned = False, set()
    for line in lines.rstrip('\n').split('\n'):
        dash, name, blob = line.split(' ')
        blob = base64.b64decode(blob, validate=True)
        for key in logs + witnesses:
            if dash != '\u2014' or (name, blob[:4]) != key[:2]:
                continue
            message, signature = text.encode(), blob[4:]
            if key[2] == 4:
                time = int.from_bytes(signature[:8], 'big')
                message = b'cosignature/v1\ntime %d\n' % time + message
                signature = signature[8:]
            if not ed25519(key[3], message, signature):
                raise ValueError('signature of ' + name)
            if key in logs and name == origin:
                signed = True
            elif key in witnesses:
                cosigned.add(key)
    if not signed:
        raise ValueError('not signed by the log')
    if len(cosigned) < quorum:
        raise ValueError('no quorum')
    return origin, int(size), base64.b64decode(root, validate=True)


def canonical(raw):
    """Members sorted, none doubled, no space: RFC 8785 but for its spelling of numbers."""
    def members(pairs):
        names = [name.encode('utf-16-be') for name, _ in pairs]
        if names != sorted(set(names)):
            raise ValueError('members')
        return dict(pairs)
    value = json.loads(raw, object_pairs_hook=members)
    if re.search(rb'[\s]', re.sub(rb'"(?:[^"\\]|\\.)*"', b'', raw)):
        raise ValueError('space')
    return value


def verify(path, logs, witnesses, quorum):
    with open(path, 'rb') as file:
        data = file.read()
    lines = data.split(b'\n')
    if lines.pop() != b'':
        raise ValueError('cut')
    manifest = json.loads(lines[0])
    if manifest['bundle'] != 'audit-ledger/bundle@v1':
        raise ValueError('manifest')
    origin, size, root = open_checkpoint(
        json.loads(lines[1])['checkpoint'], logs, witnesses, quorum)
    if manifest['origin'] != origin:
        raise ValueError('origin')
    last = json.loads(lines.pop())
    end = last['end']
    if len(last) != 1 or set(end) != {'leaves', 'sha256'}:
        raise ValueError('end')
    body = data[:len(data) - len(data.splitlines(True)[-1])]
    if hashlib.sha256(body).hexdigest() != end['sha256']:
        raise ValueError('digest')

    scope, seen, revisions, run = manifest['scope'], [], {}, None

    def close():
        if run is None:
            return
        start, stop, proof, leaves = run
        if stop > size or len(leaves) != stop - start:
            raise ValueError('run')
        if range_root(0, size, start, leaves, proof) != root or proof:
            raise ValueError('proof')

    for line in lines[2:]:
        leaf = LEAF.fullmatch(line)
        if leaf is None:
            other = json.loads(line)
            kind = ' '.join(sorted(other))
            if kind == 'proof run' and set(other['run']) == {'from', 'to'}:
                close()
                proof = [base64.b64decode(text, validate=True) for text in other['proof']]
                run = (int(other['run']['from']), int(other['run']['to']), proof, [])
            elif kind == 'older proof' and run is None:
                pass
            elif kind in ('index open', 'index shredded') and run is not None and run[3]:
                if int(other['index']) != seen[-1]:
                    raise ValueError('section')
                if 'open' in other and set(other['open']) != {'plain', 'r', 'ref'}:
                    raise ValueError('open')
            else:
                raise ValueError('line ' + kind)
            continue
        hashed = sha(b'\x00' + leaf[3])
        index = int(leaf[2])
        if run is None or index != run[0] + len(run[3]) or base64.b64decode(leaf[1]) != hashed:
            raise ValueError('leaf %d' % index)
        if seen and index <= seen[-1]:
            raise ValueError('order')
        run[3].append(hashed)
        seen.append(index)
        event = canonical(leaf[3])
        revisions.setdefault(event['stream'], []).append(int(event['revision']))
    close()

    if len(seen) != int(end['leaves']) or not seen:
        raise ValueError('count')
    if scope['type'] == 'range' and seen != list(range(int(scope['from']), int(scope['to']))):
        raise ValueError('range')
    if scope['type'] == 'stream':
        if revisions != {scope['stream']: list(range(int(scope['revisions'])))}:
            raise ValueError('revisions')
    for numbers in revisions.values():
        if any(later <= earlier for earlier, later in zip(numbers, numbers[1:])):
            raise ValueError('revisions')
    return len(seen)


def main():
    logs, witnesses = ([vkey(text) for text in list_.split(',') if text]
                       for list_ in sys.argv[1:3])
    for path in sys.argv[4:]:
        try:
            print(path, 'ok', verify(path, logs, witnesses, int(sys.argv[3])))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            print(path, 'bad', 0, repr(error))


main()
