/**
 * Called between the steps of a transaction with the step's name; what it throws is taken as a
 * failure at that place. Only tests give one.
 */
export type Fault = (step: string) => void | Promise<void>

export const noFault: Fault = () => {}
