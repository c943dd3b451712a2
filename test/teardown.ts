/** Runs once after the tests of a run. */
import { HARNESS_FILE, readHarness, removeHarness } from './harness.ts'

await removeHarness((await readHarness()).folder)
await removeHarness(HARNESS_FILE)
