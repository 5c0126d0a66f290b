const browsers = [
  ['R-EMS app', /\b(?:Electron|r-ems)\//i],
  ['Edge', /\bEdg\//],
  ['Firefox', /\bFirefox\//],
  ['Chrome', /Chrome\//],
  ['Safari', /\bSafari\//],
] as const
const systems = [
  ['Android', /Android/],
  ['iPad', /iPad/],
  ['iPhone', /iPhone/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
] as const

const nameIn = (list: readonly (readonly [string, RegExp])[], text: string): string | undefined =>
  list.find(([, pattern]) => pattern.test(text))?.[0]

/** A browser and its system from what it calls itself, such as "Firefox, Windows"; a program by its first word. */
export function clientName(userAgent: string): string | undefined {
  const browser = nameIn(browsers, userAgent)
  const system = nameIn(systems, userAgent)
  if (browser !== undefined) return [browser, system].filter(Boolean).join(', ')
  const [program = ''] = userAgent.split(/[\s/]/)
  return program === '' || program === 'unknown' ? undefined : program
}
