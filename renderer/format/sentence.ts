export const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** Numbers in texts of the service carry an ASCII hyphen as their sign. */
export const withMinus = (text: string): string => text.replaceAll(/(?<![\w-])-(?=\d)/g, '\u2212')

/** A fragment from the service as a sentence: capital first, full stop last. */
export const asSentence = (text: string): string =>
  text === '' ? '' : `${capitalized(withMinus(text))}${/[.!?]$/.test(text) ? '' : '.'}`
