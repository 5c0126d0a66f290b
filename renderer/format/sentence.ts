export const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** A fragment from the service as a sentence: capital first, full stop last. */
export const asSentence = (text: string): string =>
  text === '' ? '' : `${capitalized(text)}${/[.!?]$/.test(text) ? '' : '.'}`
