/** Runs once after the tests of a run. */
import { harnessFile, readHarness, removeHarness } from './harness.ts'

await removeHarness((await readHarness()).folder)
await removeHarness(harnessFile(process.ppid))
