const policy = (directives: Readonly<Record<string, string>>): string =>
  Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')

const selfOnly = {
  'default-src': "'self'",
  'base-uri': "'none'",
  'object-src': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Of every answer. Nothing inline, nothing from elsewhere, no framing. */
export const securityHeaders = {
  'content-security-policy': policy(selfOnly),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const

/** The style sheet of the browsable documentation carries its icons as data: images. */
export const documentationPolicy = policy({ ...selfOnly, 'img-src': "'self' data:" })
