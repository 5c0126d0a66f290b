import type { Table } from '../../../service/drivers/simulated/register-bank.ts'

/**
 * Foreign maps decoded by other means than the product's: line by line with regular expressions, and with the byte
 * functions of Buffer. Only the plain entries of each file; the line of an entry names it.
 */
export interface Expected {
  readonly table: Table
  readonly unit: string
  decode(word: (address: number) => number): number
}

type Decoder = (text: string) => ReadonlyMap<number, Expected>

interface Number16 {
  readonly table: Table
  /** Highest word first. */
  readonly addresses: readonly number[]
  readonly kind: 'u' | 'i' | 'f'
  readonly swapBytes?: boolean
  readonly scale?: number
  readonly before?: number
  readonly after?: number
  readonly unit?: string
}

function expected({
  table,
  addresses,
  kind,
  swapBytes = false,
  scale = 1,
  before = 0,
  after = 0,
  unit = '',
}: Number16): Expected {
  return {
    table,
    unit,
    decode(word) {
      const bytes = Buffer.alloc(addresses.length * 2)
      for (const [index, address] of addresses.entries())
        if (swapBytes) bytes.writeUInt16LE(word(address), index * 2)
        else bytes.writeUInt16BE(word(address), index * 2)
      const raw =
        kind === 'f'
          ? bytes.length === 4
            ? bytes.readFloatBE()
            : bytes.readDoubleBE()
          : bytes.length === 8
            ? Number(kind === 'i' ? bytes.readBigInt64BE() : bytes.readBigUInt64BE())
            : kind === 'i'
              ? bytes.readIntBE(0, bytes.length)
              : bytes.readUIntBE(0, bytes.length)
      return (raw + before) * scale + after
    },
  }
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index)

/** The lines of each entry that begins with `- name:`. */
function blocks(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const bare = line.replace(/\s+#.*$/, '')
    if (/^\s*- name:/.test(bare)) found.push({ line: index + 1, text: `${bare}\n` })
    else if (/^\s*- group:|^\S/.test(bare)) found.push({ line: 0, text: '' })
    else if (found.length > 0 && !/^\s*#/.test(line)) found.at(-1)!.text += `${bare}\n`
  }
  return found.filter(({ line }) => line > 0)
}

const field = (block: string, key: string): string | undefined =>
  new RegExp(`^\\s*-?\\s*${key}:\\s*["']?([^"'\\n]*?)["']?\\s*$`, 'm').exec(block)?.[1]

function solarman(standard: Table): Decoder {
  return (text) => {
    const found = new Map<number, Expected>()
    for (const { line, text: block } of blocks(text)) {
      const rule = Number(field(block, 'rule'))
      const registers = [...(/registers:\s*\[([^\][]*)\]/.exec(block)?.[1] ?? '').matchAll(/0x[0-9a-f]+|\d+/gi)].map(
        ([number]) => Number(number),
      )
      if (!(rule >= 1 && rule <= 4) || registers.length === 0 || /lookup:|isstr:|sensors:|magnitude:|mask:/.test(block))
        continue
      const code = /code:\s*(0x\d+|\d+)/.exec(block)?.[1] ?? /read:\s*(0x\d+)/.exec(block)?.[1]
      const table = code === undefined ? standard : Number(code) === 4 ? 'input' : 'holding'
      const scale = Number(field(block, 'scale') ?? 1)
      found.set(
        line,
        expected({
          table,
          addresses: registers.toReversed(),
          kind: rule % 2 === 0 ? 'i' : 'u',
          scale,
          before: -Number(field(block, 'offset') ?? 0),
          unit: field(block, 'uom') ?? '',
        }),
      )
    }
    return found
  }
}

const homeAssistant: Decoder = (text) => {
  const found = new Map<number, Expected>()
  for (const { line, text: block } of blocks(text)) {
    const type = /^(u?)int(16|32|64)$/.exec(field(block, 'data_type') ?? '')
    const address = Number(field(block, 'address'))
    if (!type || !Number.isInteger(address) || /nan_value/.test(block)) continue
    const addresses = range(address, Number(type[2]) / 16)
    found.set(
      line,
      expected({
        table: field(block, 'input_type') === 'input' ? 'input' : 'holding',
        addresses: /swap:\s*word/.test(block) ? addresses.toReversed() : addresses,
        kind: type[1] === 'u' ? 'u' : 'i',
        scale: Number(field(block, 'scale') ?? 1),
        after: Number(field(block, 'offset') ?? 0),
        unit: field(block, 'unit_of_measurement') ?? '',
      }),
    )
  }
  return found
}

const telegraf: Decoder = (text) => {
  const found = new Map<number, Expected>()
  for (const [index, line] of text.split('\n').entries()) {
    const type = /type\s*=\s*"(U?)INT(16|32|64)"/.exec(line)
    const address = /address\s*=\s*(\d+)/.exec(line)
    if (!type || !address || /omit/.test(line) || line.trim().startsWith('#')) continue
    found.set(
      index + 1,
      expected({
        table: 'holding',
        addresses: range(Number(address[1]), Number(type[2]) / 16),
        kind: type[1] === 'U' ? 'u' : 'i',
        scale: Number(/scale\s*=\s*([\d.]+)/.exec(line)?.[1] ?? 1),
      }),
    )
  }
  return found
}

/** `{ "tag": …, "type": "32int", …, "address": 6 }`, each on lines of its own. */
const thingsboard: Decoder = (text) => {
  const found = new Map<number, Expected>()
  for (const match of text.matchAll(/\{\s*"tag":[^{}]*\}/g)) {
    const entry = JSON.parse(match[0]) as { type: string; functionCode: number; objectsCount: number; address: number }
    const type = /^(16|32|64)(int|uint|float)$/.exec(entry.type)
    if (
      !type ||
      ![3, 4].includes(entry.functionCode) ||
      entry.objectsCount !== Number(type[1]) / 16 ||
      type[0] === '16float'
    )
      continue
    found.set(
      text.slice(0, match.index).split('\n').length,
      expected({
        table: entry.functionCode === 4 ? 'input' : 'holding',
        addresses: range(entry.address, entry.objectsCount),
        kind: type[2] === 'float' ? 'f' : type[2] === 'int' ? 'i' : 'u',
      }),
    )
  }
  return found
}

/** Rows without quotes, cut at every comma. */
const rows = (text: string): { line: number; cells: string[] }[] =>
  text
    .split(/\r?\n/)
    .map((line, index) => ({ line: index + 1, cells: line.split(',') }))
    .slice(1)

const volttron: Decoder = (text) => {
  const found = new Map<number, Expected>()
  for (const { line, cells } of rows(text)) {
    const [, address = '', type, unit = ''] = cells
    if (address === '' || type !== 'float') continue
    found.set(line, expected({ table: 'holding', addresses: range(Number(address), 2).toReversed(), kind: 'f', unit }))
  }
  return found
}

/** The number before the unit divides here, as the column of ranges shows. */
const victron: Decoder = (text) => {
  const found = new Map<number, Expected>()
  for (const { line, cells } of rows(text)) {
    const [, type = '', address = '', , , , , unit = ''] = cells
    const match = /^(u?)int(16|32)$/.exec(type)
    const factor = /^(\d+)([A-Za-z%]+(?: [AD]C)?)$/.exec(unit)
    if (!match || !factor || /"/.test(cells.slice(0, 8).join(''))) continue
    found.set(
      line,
      expected({
        table: 'holding',
        addresses: range(Number(address), Number(match[2]) / 16),
        kind: match[1] === 'u' ? 'u' : 'i',
        scale: 1 / Number(factor[1]),
        unit: factor[2]!,
      }),
    )
  }
  return found
}

/** Rows named H and L are one value; every other row is 16 bits without a sign. */
const growatt: Decoder = (text) => {
  const found = new Map<number, Expected>()
  const all = rows(text)
  for (const [index, { line, cells }] of all.entries()) {
    const [, , address = '', , , , unit = ''] = cells
    const scaled = /^(0\.\d+)(V|A|W|Hz|kWh|VA)$/.exec(unit)
    const half = (row: readonly string[], mark: RegExp, word: string): boolean =>
      [row[3], row[4]].some((name) => mark.test(name?.trim() ?? '')) ||
      new RegExp(`\\(${word}\\)`, 'i').test(row[4] ?? '')
    if (!/^\d+$/.test(address) || !scaled || half(cells, / L$/, 'low')) continue
    const next = all[index + 1]?.cells ?? []
    const high = half(cells, / H$/, 'high')
    const pair =
      high &&
      next[2] === String(Number(address) + 1) &&
      half(next, / L$/, 'low') &&
      next[3]?.slice(0, 8) === cells[3]?.slice(0, 8)
    if (high && !pair) continue
    found.set(
      line,
      expected({
        table: 'input',
        addresses: range(Number(address), pair ? 2 : 1),
        kind: 'u',
        scale: Number(scaled[1]),
        unit: scaled[2]!,
      }),
    )
  }
  return found
}

/** `register:` with address and decode, and the scale beside it, in templates without choices inside. */
const evcc: Decoder = (text) => {
  const found = new Map<number, Expected>()
  const lines = text.split('\n')
  let sourceAt = 0
  for (const [index, line] of lines.entries()) {
    if (/source: modbus/.test(line)) sourceAt = index
    const address = /^\s*address:\s*(0x[0-9a-f]+|\d+)/i.exec(line)
    if (!address) continue
    const near = lines.slice(index, index + 9).join('\n')
    const own = near.slice(0, near.search(/source:/) === -1 ? undefined : near.search(/source:/))
    const decode = /(?:decode|encoding):\s*(u?)int(16|32)(s?)(nan)?/.exec(own)
    if (!decode || decode[4]) continue
    const addresses = range(Number(address[1]), Number(decode[2]) / 16)
    // An entry stands where its mapping begins, with the first key.
    found.set(
      sourceAt + 1,
      expected({
        table: /type:\s*input/.test(`${lines[index - 1]}\n${own}`) ? 'input' : 'holding',
        addresses: decode[3] ? addresses.toReversed() : addresses,
        kind: decode[1] === 'u' ? 'u' : 'i',
        scale: Number(/^\s*scale:\s*(-?[\d.]+)/m.exec(own)?.[1] ?? 1),
        unit: /^\s*(return)?energy:/.test(lines[sourceAt - 1] ?? '') ? 'kWh' : '',
      }),
    )
  }
  return found
}

export const decoders: Readonly<Record<string, Decoder>> = {
  'solarman-legacy/deye_sg04lp3.yaml': solarman('holding'),
  'solarman-legacy/hyd-zss-hp-3k-6k.yaml': solarman('holding'),
  'ha-solarman/srne_asf.yaml': solarman('holding'),
  'ha-solarman/afore_2mppt.yaml': solarman('input'),
  'ha-modbus-yaml/modbus_sungrow_SBR_battery.yaml': homeAssistant,
  'ha-modbus-yaml/modbus_sungrow_multiple_inverters_1.yaml': homeAssistant,
  'telegraf/overflow_issue_14387.telegraf.conf': telegraf,
  'thingsboard-gateway/attrs_update_holding_registers_big.json': thingsboard,
  'volttron-modbus_tk/battery_meter.csv': volttron,
  'pythonprotocolgateway/victron_gx_v3.3.holding_registry_map.csv': victron,
  'pythonprotocolgateway/growatt_2020_v1.24.input_registry_map.csv': growatt,
  'evcc/sofarsolar.yaml': evcc,
}
