import { readAnswer, type Answer } from './answer.ts'
import type { Entry } from './entry.ts'
import type { Settings } from './options.ts'

/**
 * One attempt to send the entries, and what came of it. Never throws: without an answer in time,
 * or with one that breaks off, the attempt is to be repeated.
 */
export async function post (
  entries: readonly Entry[], settings: Settings, stop: AbortSignal
): Promise<Answer> {
  const attempt = new AbortController()
  const end = (): void => { attempt.abort(stop.reason) }
  const timer = setTimeout(() => {
    attempt.abort(new Error(`no answer within ${settings.timeoutMs} ms`))
  }, settings.timeoutMs)
  // By hand: AbortSignal.any keeps something of every signal that it was ever given.
  stop.addEventListener('abort', end)
  if (stop.aborted) end()
  try {
    const key = await within(attempt.signal, settings.key())
    const response = await settings.fetch(settings.endpoint, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json'
      },
      body: `[${entries.map(({ text }) => text).join(',')}]`,
      // Another address might be somebody else's: the key is for this one.
      redirect: 'manual',
      signal: attempt.signal
    })
    return readAnswer(response, await response.text(), entries, settings.now())
  } catch (cause) {
    return { kind: 'again', cause, mayBeRecorded: true, afterMs: undefined }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', end)
  }
}

/** What is asked for, unless the signal is aborted first; not everything listens to signals. */
async function within<T> (signal: AbortSignal, asked: T | Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = rejectable()
  const end = (): void => { reject(signal.reason) }
  signal.addEventListener('abort', end)
  return await Promise.race([asked, promise]).finally(() => {
    signal.removeEventListener('abort', end)
  })
}

function rejectable (): { promise: Promise<never>, reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<never>((_resolve, _reject) => { reject = _reject })
  return { promise, reject }
}
