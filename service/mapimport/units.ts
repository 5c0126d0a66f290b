/** Spellings of units in the field, in small letters without blanks, and what they are here. */
const spellings: Readonly<Record<string, string>> = {
  w: 'W',
  watt: 'W',
  watts: 'W',
  mw: 'mW',
  kw: 'kW',
  var: 'var',
  kvar: 'kvar',
  mvar: 'Mvar',
  va: 'VA',
  kva: 'kVA',
  mva: 'MVA',
  wh: 'Wh',
  kwh: 'kWh',
  mwh: 'MWh',
  gwh: 'GWh',
  varh: 'varh',
  kvarh: 'kvarh',
  vah: 'VAh',
  kvah: 'kVAh',
  ah: 'Ah',
  mah: 'mAh',
  ohm: 'Ω',
  ω: 'Ω',
  kohm: 'kΩ',
  kω: 'kΩ',
  mω: 'MΩ',
  'k?': 'kΩ',
  a: 'A',
  amp: 'A',
  amps: 'A',
  ampere: 'A',
  aac: 'A',
  adc: 'A',
  ma: 'mA',
  ka: 'kA',
  v: 'V',
  volt: 'V',
  volts: 'V',
  vac: 'V',
  vdc: 'V',
  mv: 'mV',
  kv: 'kV',
  hz: 'Hz',
  hertz: 'Hz',
  mhz: 'mHz',
  pa: 'Pa',
  hpa: 'hPa',
  kpa: 'kPa',
  bar: 'bar',
  mbar: 'mbar',
  s: 's',
  sec: 's',
  second: 's',
  seconds: 's',
  ms: 'ms',
  min: 'min',
  mins: 'min',
  minute: 'min',
  minutes: 'min',
  h: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
  'm³': 'm³',
  m3: 'm³',
  l: 'l',
  'm³/h': 'm³/h',
  'm3/h': 'm³/h',
  'l/min': 'l/min',
  'l/h': 'l/h',
  'l/s': 'l/s',
  mm: 'mm',
  cm: 'cm',
  m: 'm',
  'm/s': 'm/s',
  'km/h': 'km/h',
  lx: 'lx',
  lux: 'lx',
  '%': '%',
  percent: '%',
  '%rh': '%',
  '‰': '‰',
  '°c': '°C',
  degc: '°C',
  c: '°C',
  '℃': '°C',
  celsius: '°C',
  degreescelsius: '°C',
  degreesc: '°C',
  '?c': '°C',
  '°': '°',
  deg: '°',
  degrees: '°',
  rpm: 'rpm',
  'w/m²': 'W/m²',
  'w/m2': 'W/m²',
  nm: 'Nm',
  dbm: 'dBm',
}

/** Capital letters that make another unit of the same word: megawatts are not milliwatts. */
const capitals: Readonly<Record<string, string>> = { MW: 'MW', MΩ: 'MΩ', MOhm: 'MΩ', MV: 'MV', mW: 'mW', mvar: 'mvar' }

/** A unit in our spelling; undefined when it is none that we know. */
export function unitOf(text: string): string | undefined {
  const plain = text
    .trim()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^\((.*)\)$/, '$1')
  const found = capitals[plain] ?? spellings[plain.toLowerCase().replaceAll(/[\s.]+/g, '')]
  return found === 'MV' || found === 'mvar' ? undefined : found
}

export interface UnitCell {
  readonly unit?: string
  /** The factor in front of it: 0.1V counts tenths of a volt. */
  readonly factor?: number
  /** What was not understood. */
  readonly rest?: string
}

const nothing: ReadonlySet<string> = new Set([
  '',
  '-',
  '--',
  '/',
  'none',
  'n/a',
  'na',
  'null',
  'n.a.',
  'count',
  'counts',
  'digit',
  '1',
])

/** A cell of a column of units: `V`, `0.1V`, `0.1 V`, `10 Min`, `100V DC`, `0.01`. */
export function readUnit(text: string, comma = false): UnitCell {
  const plain = text.slice(0, 80).trim()
  if (nothing.has(plain.toLowerCase())) return {}
  const match = /^[*x×]?\s*([+-]?\d+(?:[.,]\d+)?)\s*[*x×]?\s*(.*)$/.exec(plain)
  const number = match ? Number(comma ? match[1]!.replace(',', '.') : match[1]) : 1
  const words = match ? match[2]! : plain
  if (!Number.isFinite(number) || number === 0) return { rest: plain }
  const factor = number === 1 ? {} : { factor: number }
  if (nothing.has(words.toLowerCase())) return factor
  const unit = unitOf(words) ?? unitOf(words.replace(/\s*\b(ac|dc|rms)\b\.?$/i, ''))
  return unit === undefined ? { ...factor, rest: words } : { ...factor, unit }
}
