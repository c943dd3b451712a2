const WIDTH = 30
const LINE_EVERY = 10

export interface ProgressBar {
  add: (count: number) => void
  end: () => void
}

/**
 * Progress on stderr: a bar that moves on a terminal; elsewhere a line at every tenth of the way,
 * so that a log stays readable.
 */
export function progressBar (
  label: string, total: number, out: NodeJS.WriteStream = process.stderr
): ProgressBar {
  let done = 0
  let shown = 0
  const draw = (): void => {
    const share = total === 0 ? 1 : Math.min(done / total, 1)
    if (out.isTTY) {
      const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')
      out.write(`\r${label} [${bar}] ${done} of ${total}`)
      return
    }
    const tenths = Math.floor(share * LINE_EVERY)
    if (tenths > shown) out.write(`${label}: ${done} of ${total}\n`)
    shown = tenths
  }
  return {
    add: (count) => {
      done += count
      draw()
    },
    end: () => { if (out.isTTY) out.write('\n') }
  }
}
