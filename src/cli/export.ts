import { readFile } from 'node:fs/promises'
import { CreateExport, ExportFilters } from '../../schemas/http/exports.ts'
import { Value } from '@sinclair/typebox/value'
import { LedgerError } from '../errors.ts'
import type { Command, Flag, Given } from './command.ts'
import { PartFile, type Origin } from './export/part.ts'
import { remoteExports, type RemoteExports } from './export/remote.ts'
import { transfer } from './export/transfer.ts'

/** The filters of the list of events, as flags. */
const FILTER_FLAGS: Record<string, Flag> = Object.fromEntries(
  Object.entries(ExportFilters.properties).map(([name, { description }]) =>
    [flagOf(name), { value: 'VALUE', help: description ?? `Only events of this ${name}` }]))

/** An export of a running ledger, as a file. */
export const exportEvents: Command = {
  name: 'export',
  summary: 'Exports events of a running ledger to a file; run it again to go on where it stopped.',
  positionals: ['URL', 'FILE'],
  flags: {
    'api-key': { value: 'FILE', help: 'Holds the API key of a compliance reader' },
    format: { value: 'FORMAT', help: 'csv, json, ndjson or bundle; by the ending of FILE if not' },
    'up-to': { value: 'POSITION', help: 'As an earlier export says it: the same bytes again' },
    continues: { value: 'SIZE', help: 'Of a bundle: shows that the tree continues that of SIZE' },
    id: { value: 'ID', help: 'Downloads an export that was asked for before' },
    ...FILTER_FLAGS
  },
  run: async (given) => {
    const { positionals: [url, file], flags: { 'api-key': keyFile } } = given
    if (url === undefined || file === undefined || keyFile === undefined) {
      throw new LedgerError('CONFIG_INVALID', 'say: export URL FILE --api-key FILE')
    }
    const part = new PartFile(file)
    await part.requireNew()
    const remote = remoteExports(url, (await readFile(keyFile, 'utf8')).trim())
    const origin = await originOf(remote, part, { url, file, given })
    const { events, bytes, sha256, upTo } = await transfer(remote, part, origin)
    process.stdout.write(
      `${file}: ${events} events, ${bytes} bytes, up to ${upTo}\nsha256 ${sha256}\n`)
    return 0
  }
}

/** The export that an earlier run began, or one that is named, or a new one. */
async function originOf (
  remote: RemoteExports, part: PartFile,
  { url, file, given }: { url: string, file: string, given: Given }
): Promise<Origin> {
  const begun = await part.origin()
  if (begun !== undefined) {
    if (begun.url === url && (given.flags['id'] ?? begun.id) === begun.id) {
      process.stderr.write(`Going on with the export ${begun.id}\n`)
      return begun
    }
    throw new LedgerError('CONFIG_INVALID',
      `${file}.part is the beginning of another export: remove it and ${file}.part.json`)
  }
  const origin = { url, id: given.flags['id'] ?? (await remote.create(wishOf(given, file))).id }
  await part.setOrigin(origin)
  return origin
}

/** What is asked for, checked as the ledger will check it. Throws CONFIG_INVALID. */
function wishOf ({ flags }: Given, file: string): CreateExport {
  const filters = Object.keys(ExportFilters.properties)
    .map((name) => [name, flags[flagOf(name)]] as const)
  const said = [['format', flags['format'] ?? formatOf(file)], ['upTo', flags['up-to']],
    ['continues', flags['continues']], ...filters]
  const wish = Object.fromEntries(said.filter(([, value]) => value !== undefined))
  if (Value.Check(CreateExport, wish)) return wish
  const first = Value.Errors(CreateExport, wish).First()
  throw new LedgerError('CONFIG_INVALID', `${first?.path.slice(1)}: ${first?.message}`)
}

/** What a file is called after. */
function formatOf (file: string): string {
  return /\.(csv|json|ndjson|bundle)$/.exec(file)?.[1] ?? 'csv'
}

/** recordedFrom -> recorded-from */
function flagOf (name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
