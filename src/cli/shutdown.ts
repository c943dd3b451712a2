/** How long a clean stop may take before the process ends anyway. */
export const STOP_DEADLINE_MS = 9_000

/**
 * Aborts when this process is asked to stop: SIGINT, SIGTERM, or, for a supervised process, the
 * end of its supervisor. A second signal, or STOP_DEADLINE_MS without an end, ends it at once.
 */
export function stopSignal (): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(1)
    controller.abort()
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.once('disconnect', stop)
  // Listening for the supervisor must not keep a process alive that has nothing left to do.
  process.channel?.unref()
  return controller.signal
}

/** Resolves when the signal aborts. */
export function aborted (signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => { resolve() }, { once: true })
  })
}

/** Tells the supervisor, if there is one, that this process does its work now. */
export function announceReady (details: Record<string, unknown> = {}): void {
  process.send?.({ type: 'ready', ...details })
}
