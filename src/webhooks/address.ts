import { BlockList, isIP, isIPv4 } from 'node:net'

/** The addresses that a name stands for; throws when there is none. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>

export interface TargetRules {
  /** Whether this machine itself may be a receiver, by http too: for trying webhooks out. */
  allowLoopback: boolean
  resolve: Resolve
}

/** Where a message goes: the address was looked up and checked, and nothing looks it up again. */
export interface Target {
  url: URL
  address: string
  /** The name that a certificate has to be for; undefined: the address itself. */
  servername: string | undefined
}

/** Why nothing is sent to an address. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused'
}

/** Hosts that are this machine whatever a resolver says. */
const LOOPBACK: Readonly<Record<string, string>> = {
  localhost: '127.0.0.1', '127.0.0.1': '127.0.0.1', '::1': '::1'
}

/** IANA's special-purpose addresses (RFC 6890 and later), multicast and what is reserved. */
const DENIED = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16],
  ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24],
  ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24],
  ['224.0.0.0', 4], ['240.0.0.0', 4]
] as const) DENIED.addSubnet(network, bits, 'ipv4')
// Inside the global unicast addresses: Teredo and other protocols, 6to4, documentation.
for (const [network, bits] of [
  ['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]
] as const) DENIED.addSubnet(network, bits, 'ipv6')

/** Only these are global unicast: mapped, translated, local and link addresses all lie outside. */
const GLOBAL = new BlockList()
GLOBAL.addSubnet('2000::', 3, 'ipv6')

/** Whether an address (not a name) is one that everybody can reach. */
export function isPublic (address: string): boolean {
  if (isIPv4(address)) return !DENIED.check(address, 'ipv4')
  return isIP(address) === 6 && GLOBAL.check(address, 'ipv6') && !DENIED.check(address, 'ipv6')
}

/**
 * What is wrong with an address to send to, as far as the text tells; undefined: nothing. Written
 * in decimal, hexadecimal or octal, an IP address is what it is (WHATWG URL).
 */
export function targetFault (text: string, allowLoopback: boolean): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL'
  const url = new URL(text)
  const host = hostOf(url)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'is not https'
  if (url.username !== '' || url.password !== '') return 'holds a user name or password'
  if (url.hash !== '') return 'has a fragment, which is never sent'
  if (allowLoopback && LOOPBACK[host] !== undefined) return undefined
  if (url.protocol !== 'https:') return 'is not https'
  if (isIP(host) !== 0 && !isPublic(host)) return 'is an address that not everybody can reach'
  return LOOPBACK[host] === undefined ? undefined : 'is this machine'
}

/**
 * Looks a receiver's name up, once. Throws TargetRefused for whatever targetFault finds, and for
 * a name of which any address is one that not everybody can reach; else what the resolver throws.
 */
export async function pinTarget (
  text: string, { allowLoopback, resolve }: TargetRules, signal: AbortSignal
): Promise<Target> {
  const fault = targetFault(text, allowLoopback)
  if (fault !== undefined) throw new TargetRefused(`the address ${fault}`)
  const url = new URL(text)
  const host = hostOf(url)
  const known = LOOPBACK[host] ?? (isIP(host) === 0 ? undefined : host)
  const servername = isIP(host) === 0 ? host : undefined
  if (known !== undefined) return { url, address: known, servername }
  const addresses = await resolve(host, signal)
  const [address] = addresses
  if (address === undefined) throw new TargetRefused('the name stands for no address')
  if (addresses.every(isPublic)) return { url, address, servername }
  throw new TargetRefused('the name stands for an address that not everybody can reach')
}

/** Without the brackets of an IPv6 address. */
function hostOf ({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}
