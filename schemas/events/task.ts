import { Type } from '@sinclair/typebox'
import { dataOf, Text } from './fields.ts'

/** A step of work that spans several events; its entity is the task. */
export const TaskData = dataOf({
  taskType: Type.Optional(Text),
  status: Type.Optional(Text)
})
