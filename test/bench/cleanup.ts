/** What must be undone before the bench ends, however it ends; the last first. */
export interface Cleanup {
  add (undo: () => Promise<void>): void
  /** Undoes everything; what fails is told and does not keep the rest from being undone. */
  run (): Promise<void>
}

export function createCleanup (): Cleanup {
  const undos: Array<() => Promise<void>> = []
  return {
    add (undo) { undos.push(undo) },
    async run () {
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        await undo().catch((err: unknown) => {
          process.stderr.write(`cleaning up: ${String(err)}\n`)
        })
      }
    }
  }
}
