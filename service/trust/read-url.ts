/** A URL, or undefined. URL.canParse is not in every Electron that the app is tested with. */
export function readUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
