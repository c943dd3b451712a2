/**
 * What every answer tells a browser: nothing here is a page, may be framed, guessed or kept.
 * Constant, because it is sent with each of thousands of answers a second. Whether a proxy in
 * front speaks HTTPS is the proxy's to say (HSTS).
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
} as const

/** The reference at /docs is a page: its own scripts and styles, and nothing from elsewhere. */
export const DOCS_CSP = {
  'default-src': "'self'",
  'base-uri': "'self'",
  'form-action': "'self'",
  'frame-ancestors': "'self'",
  'img-src': "'self' data:",
  'object-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'"
} as const
