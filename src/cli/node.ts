import { LedgerError } from '../errors.ts'
import { startNode } from '../embedded/eventstore/node.ts'
import { readOptions } from '../embedded/eventstore/options.ts'
import { checkDirectory } from '../embedded/eventstore/storage/check.ts'
import type { Command, Given } from './command.ts'
import { aborted, stopSignal } from './shutdown.ts'

const PORT_DEFAULT = '2113'

/** The embedded node by itself, for those who want the log on a machine of its own. */
export const node: Command = {
  name: 'node',
  summary: 'Runs the event store node alone; `node check DIR` verifies every frame of its log.',
  positionals: ['[check DIR]'],
  positionalsMax: 2,
  flags: {
    data: { value: 'DIR', help: 'Folder of its log; one node at a time' },
    host: { value: 'ADDRESS', help: 'Default 127.0.0.1; others need TLS and users' },
    port: { value: 'N', help: `Default ${PORT_DEFAULT}` },
    'tls-cert': { value: 'FILE', help: 'Certificate, PEM' },
    'tls-key': { value: 'FILE', help: 'Its key, PEM' },
    user: { value: 'NAME:PASSWORD', help: 'Who may call; may be repeated', multiple: true },
    'max-append-size': { value: 'BYTES', help: 'Data of one append; default 1048576' }
  },
  run: async (given) => {
    const [verb, dir] = given.positionals
    if (verb === undefined) return await run(given)
    if (verb === 'check' && dir !== undefined) return await check(dir)
    throw new LedgerError('CONFIG_INVALID', 'node takes nothing, or: check DIR')
  }
}

async function run ({ args }: Given): Promise<number> {
  const stop = stopSignal()
  const port = args.some((arg) => arg.startsWith('--port')) ? [] : ['--port', PORT_DEFAULT]
  const running = await sentence(() => startNode({
    ...readOptions([...args, ...port]),
    report: (text) => { process.stderr.write(`${text}\n`) },
    onFailure: endAtOnce
  }))
  process.stdout.write(`The event store node listens at ${running.url}\nCtrl-C stops it.\n`)
  await aborted(stop)
  await running.stop()
  return 0
}

/** After a failed write nothing may be acknowledged any more, not even on the way out. */
function endAtOnce (error: Error): void {
  const because = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  process.stderr.write(`audit-ledger: ${error.message}${because}\n`)
  process.exit(1)
}

/** What keeps a node from starting is something that whoever started it can mend. */
async function sentence<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new LedgerError('CONFIG_INVALID', said, { cause })
  }
}

async function check (dir: string): Promise<number> {
  const report = await sentence(async () => checkDirectory(dir))
  const { ok, path, bytes, frames, events, streams, tombstones } = report
  const lines = [
    `${path}: ${bytes} bytes, ${frames} frames, ${events} events in ${streams} streams, ` +
      `${tombstones} tombstones`,
    `index: ${report.index}`,
    ...(report.unfinishedBytes > 0
      ? [`${report.unfinishedBytes} bytes of a write that was never acknowledged`]
      : []),
    ...report.problems,
    ok ? 'Every frame is whole.' : `${report.problems.length} problems.`
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return ok ? 0 : 1
}
