/** Names that contain one of these tell of a secret, however they are written together. */
const PARTS = new RegExp([
  'passw', 'passphrase', 'passcode', 'pwd', 'secret', 'token', 'authorization', 'authorisation',
  'cookie', 'credential', 'apikey', 'accesskey', 'privatekey', 'signingkey', 'encryptionkey',
  'cardnumber', 'creditcard', 'debitcard', 'securitycode', 'verificationcode', 'recoverycode',
  'backupcode', 'socialsecurity', 'bearer', 'sessionid'
].join('|'))

/** Short ones count as whole words only: `pin`, and not `shipping`. */
const WORDS = new Set([
  'pass', 'pin', 'otp', 'totp', 'pan', 'cvv', 'cvv2', 'cvc', 'cvc2', 'csc', 'ssn', 'auth', 'jwt',
  'sid', 'iban', 'salt', 'nonce', 'mnemonic', 'csrf', 'xsrf'
])

/** The words of a name, lower case: `X-Api-Key`, `x_api_key` and `xApiKey` have the same. */
export function wordsOf (name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== '')
}

/** Whether a member of this name holds what nobody else is to read. */
export function isSecretName (name: string): boolean {
  const words = wordsOf(name)
  return PARTS.test(words.join('')) || words.some((word) => WORDS.has(word))
}
