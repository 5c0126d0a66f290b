/** Of a user name, as the browser checks it; the service checks again. */
export const namePattern = '[a-z][a-z0-9._\\-]+'
/** Of a new password, in characters. */
export const passwordLength = { min: 12, max: 128 } as const
