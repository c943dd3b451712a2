import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: what Linux counts CPU time in towards its users, on every architecture Node runs on. */
const TICKS_PER_SECOND = 100

/** Role -> the processes that play it; `tree` counts their children, those that ended included. */
export interface Metered { readonly pid: number, readonly tree?: boolean }
export type Roles = Readonly<Record<string, Metered>>
/** Role -> seconds of CPU. Empty where there is no /proc. */
export type CpuSeconds = Readonly<Record<string, number>>

/** Starts to measure; the function it returns tells what was used since. */
export function startMeter (roles: Roles): () => CpuSeconds {
  const before = usage(roles)
  return () => Object.fromEntries(Object.entries(usage(roles)).map(([role, seconds]) => {
    return [role, Math.max(0, seconds - (before[role] ?? 0))]
  }))
}

function usage (roles: Roles): CpuSeconds {
  return Object.fromEntries(Object.entries(roles).flatMap(([role, { pid, tree }]) => {
    const own = readStat(pid)
    if (own === undefined) return []
    const below = tree === true ? childrenOf(pid).map(({ pid }) => readStat(pid)?.own ?? 0) : []
    const ticks = own.own + (tree === true ? own.ended : 0) + below.reduce((a, b) => a + b, 0)
    return [[role, ticks / TICKS_PER_SECOND]]
  }))
}

interface Stat { readonly parent: number, readonly own: number, readonly ended: number }

/** Fields 4, 14+15 and 16+17 of proc(5) stat; the name before them may hold anything. */
function readStat (pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
    const at = (field: number): number => fields[field - 3] ?? 0
    return { parent: at(4), own: at(14) + at(15), ended: at(16) + at(17) }
  } catch {
    return undefined
  }
}

/** The direct children of a process and how they were called; none where there is no /proc. */
export function childrenOf (pid: number): Array<{ pid: number, command: string }> {
  let names: string[] = []
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {}
  return names.map(Number).flatMap((child) => {
    if (readStat(child)?.parent !== pid) return []
    try {
      const command = readFileSync(`/proc/${child}/cmdline`, 'latin1').replaceAll('\0', ' ')
      return [{ pid: child, command: command.trim() }]
    } catch {
      return []
    }
  })
}

/**
 * What a process was given as its environment, for another process like it: without the channel
 * to its parent, which is not the other one's. Throws where there is no /proc.
 */
export function environmentOf (pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    .filter((line) => line !== '' && !line.startsWith('NODE_CHANNEL_'))
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)]
  }))
}

/** Resident memory of a process in bytes; undefined when it is gone or there is no /proc. */
export function residentBytes (pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1_024
  } catch {
    return undefined
  }
}
