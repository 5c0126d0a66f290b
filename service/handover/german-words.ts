/** Words of the service that a report prints, in German; what is not here is a name and stays as it is. */
const words: Readonly<Record<string, string>> = {
  physical: 'physikalisch',
  safety: 'Sicherheit',
  economic: 'wirtschaftlich',
  production: 'Produktion',
  simulation: 'Simulation',
  hybrid: 'gemischt',
  replay: 'Wiedergabe',
  connecting: 'verbindet',
  online: 'online',
  degraded: 'eingeschränkt',
  silent: 'stumm',
  confirmed: 'zurückgelesen',
  written: 'geschrieben',
  unchanged: 'unverändert',
  recorded: 'aufgezeichnet',
  refused: 'abgelehnt',
  failed: 'fehlgeschlagen',
  vendor: 'Hersteller',
  model: 'Modell',
  serial: 'Seriennummer',
  firmware: 'Firmware',
}

export const inGerman = (word: string): string => (Object.hasOwn(words, word) ? (words[word] ?? word) : word)
