import { dataOf } from './fields.ts'

/** What a user or program did, in its own words; the data is free. */
export const ActionData = dataOf({})
