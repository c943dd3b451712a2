import { Type, type Static } from '@sinclair/typebox'
import { Tenant, Timestamp } from '../primitives.ts'
import { TenantSettings } from '../tenant.ts'

export const TenantView = Type.Object({
  id: Tenant,
  settings: TenantSettings,
  createdAt: Timestamp
}, { title: 'Tenant' })
export type TenantView = Static<typeof TenantView>

export const CreateTenant = Type.Object({
  id: Tenant,
  settings: Type.Optional(TenantSettings)
}, { additionalProperties: false })

/** Members that are given replace those that are there; the others stay. */
export const PatchTenant = Type.Object({ settings: TenantSettings }, {
  additionalProperties: false
})

export const TenantParams = Type.Object({ tenant: Tenant })
export const TenantList = Type.Object({ items: Type.Array(TenantView) })
