import { Type, type Static } from '@sinclair/typebox'

/** Every variable this program reads, by its name. The README lists exactly these. */
export const Environment = Type.Object({
  EVENTSTORE_URL: Type.Optional(Type.String({
    pattern: '^(esdb|kurrentdb)(\\+discover)?://',
    description: 'EventStoreDB connection string; without it an embedded node is started'
  })),
  DATABASE_URL: Type.Optional(Type.String({
    pattern: '^postgres(ql)?://',
    description: 'Postgres connection string; without it an embedded server is started'
  })),
  MASTER_KEY_FILE: Type.Optional(Type.String({
    minLength: 1,
    description: 'File of the master key that wraps data keys; default <data>/master.key'
  })),
  MASTER_KEY_KMS: Type.Optional(Type.String({
    pattern: '^aws:.+$',
    description: 'aws:KEY, a key of AWS KMS, instead of a file; needs @aws-sdk/client-kms'
  })),
  SEALING_KEY_FILE: Type.Optional(Type.String({
    minLength: 1,
    description: 'File of the key that signs checkpoints; default <data>/sealing.key'
  })),
  WITNESSES_FILE: Type.Optional(Type.String({
    minLength: 1,
    description: 'C2SP tlog-policy whose witnesses the worker asks to cosign; default none'
  })),
  LEDGER_DATA: Type.Optional(Type.String({
    minLength: 1, description: 'Folder for keys and embedded servers; default ./data'
  })),
  LEDGER_HOST: Type.Optional(Type.String({
    minLength: 1, description: 'Address the API listens on; default 127.0.0.1'
  })),
  LEDGER_PORT: Type.Optional(Type.String({
    pattern: '^[0-9]{1,5}$', description: 'Port the API listens on; default 4600'
  })),
  LEDGER_NAME: Type.Optional(Type.String({
    pattern: '^[A-Za-z0-9.-]{1,128}$',
    description: 'Name of this ledger, the origin of its checkpoints; default audit-ledger'
  })),
  LEDGER_PUBLIC_URL: Type.Optional(Type.String({
    pattern: '^https?://[^/?#]+(/[^?#]*)?$',
    description: 'Where readers reach the API; links in webhooks begin so, else with /v1'
  })),
  LEDGER_WEBHOOK_ALLOW_HTTP_LOOPBACK: Type.Optional(Type.Union(
    ['true', 'false'].map((said) => Type.Literal(said)),
    { description: 'true: webhooks may go to this machine, by http too; default false' }
  )),
  LEDGER_SCRUB_DAYS: Type.Optional(Type.String({
    pattern: '^[0-9]{1,3}$',
    description: 'In how many days the worker re-reads the whole log; 0 = never; default 7'
  })),
  LEDGER_LOG_DECODER: Type.Optional(Type.Union([Type.Literal('own'), Type.Literal('client')], {
    description: 'Who decodes events that are read from the log: this program or the client library'
  })),
  LEDGER_LOG_LEVEL: Type.Optional(Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level)),
    { description: 'How much is logged; default info, for start and demo warn' }
  ))
}, { additionalProperties: false })
export type Environment = Static<typeof Environment>

/** Variables that start so are ours; an unknown one is a typing mistake and refused. */
export const ENVIRONMENT_PREFIX = 'LEDGER_'
