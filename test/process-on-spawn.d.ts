declare module 'process-on-spawn' {
  const processOnSpawn: {
    /** Whoever changes the environment of each child process as it starts does so no more. */
    removeAllListeners (): void
  }
  export default processOnSpawn
}
