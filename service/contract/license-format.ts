/**
 * A licence is one line of text: the payload and its signature, each in canonical base64, joined by a dot. The signature is over the
 * bytes of the payload, which is JSON. Which algorithm it has is a property of the key that `keyId` names, and stands nowhere in the
 * licence.
 */
export const licenseFormat = 'r-ems-license-1'

/** Longest text of a licence, in characters. */
export const maxLicenseLength = 16_384
