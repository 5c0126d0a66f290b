import type { MapFormat } from '#contract/map-import.ts'

/** What a file probably is, and by what it was recognised. */
export interface Detected {
  readonly format: MapFormat
  readonly confidence: number
  readonly reason: string
}

interface Sign {
  readonly format: MapFormat
  readonly confidence: number
  readonly reason: string
  readonly test: (text: string, name: string) => boolean
}

const has = (pattern: RegExp) => (text: string) => pattern.test(text)

/** From the surest to the weakest; each looks for words that only one program writes. */
const signs: readonly Sign[] = [
  {
    format: 'telegraf',
    confidence: 0.98,
    reason: 'has [[inputs.modbus]]',
    test: has(/^[ \t]*\[\[inputs\.modbus(\]\]|\.)/m),
  },
  {
    format: 'evcc',
    confidence: 0.98,
    reason: 'has "template:" and "render:" with registers',
    test: (text) => /^template:/m.test(text) && /^render:/m.test(text),
  },
  {
    format: 'thingsboard',
    confidence: 0.97,
    reason: 'has "slaves" with "functionCode"',
    test: (text) => /"(slaves|servers)"\s*:/.test(text) && /"(functionCode|unitId|deviceName)"\s*:/.test(text),
  },
  {
    format: 'sunspec-json',
    confidence: 0.97,
    reason: 'has a "group" with "points" and an "id"',
    test: (text) =>
      /^\s*\{/.test(text) && /"group"\s*:/.test(text) && /"points"\s*:/.test(text) && /"id"\s*:/.test(text),
  },
  { format: 'edgex', confidence: 0.97, reason: 'has "deviceResources"', test: has(/^\s*"?deviceResources"?\s*:/m) },
  {
    format: 'solarman',
    confidence: 0.95,
    reason: 'has "requests" with "mb_functioncode" and "parameters"',
    test: (text) => /^requests:/m.test(text) && /^parameters:/m.test(text),
  },
  {
    format: 'ha-solarman',
    confidence: 0.95,
    reason: 'has "parameters" with "rule" and "registers"',
    test: (text) => /^parameters:/m.test(text) && /^\s*rule:/m.test(text) && /registers:/.test(text),
  },
  {
    format: 'home-assistant',
    confidence: 0.95,
    reason: 'has "modbus:" with sensors',
    test: (text) => /^modbus:/m.test(text) && /^\s*(- )?(sensors|binary_sensors|switches|climates|type):/m.test(text),
  },
  {
    format: 'home-assistant',
    confidence: 0.8,
    reason: 'is a list of entries with "address" and "input_type" or "data_type"',
    test: (text) =>
      /^\s*- name:/m.test(text) &&
      /^\s*address:/m.test(text) &&
      /^\s*(input_type|data_type|unique_id|write_type):/m.test(text),
  },
  {
    format: 'python-protocol-gateway',
    confidence: 0.97,
    reason: 'has the columns "variable name", "data type", "register" and "documented name"',
    test: (text) => /^.{0,20}variable name,data type,register\b/im.test(head(text)),
  },
  {
    format: 'volttron',
    confidence: 0.95,
    reason: 'has the columns "Register Name" and "Address" or "Volttron Point Name"',
    test: (text) => /(^|,)(Register Name,Address,Type|Volttron Point Name,)/m.test(head(text)),
  },
  {
    format: 'growatt-csv',
    confidence: 0.95,
    reason: 'has the columns "Register_Type" and "Register_NO" or "Parameter_Name"',
    test: (text) => /^Register_Type,(Group_Marker,Register_NO|NO,Parameter_Name)/m.test(head(text)),
  },
  {
    format: 'edgex',
    confidence: 0.5,
    reason: 'looks like the configuration of an EdgeX service',
    test: (text) => /^Writable:/m.test(text) && /^(Service|MessageBus|Device):/m.test(text),
  },
]

const head = (text: string): string => text.slice(0, 4000)

/** Files that stand beside maps and hold no registers themselves, and what to import instead. */
const beside: readonly (readonly [RegExp, string])[] = [
  [
    /"driver_config"\s*:/,
    'this is the configuration of a VOLTTRON driver; import the table of registers that it names',
  ],
  [/^-? ?addressing:[\s\S]*^\s*file:/m, 'this is the list of VOLTTRON maps; import one of the tables that it names'],
  [
    /^\s*\{[\s\S]*"transport"\s*:/,
    'these are settings of a protocol of PythonProtocolGateway; import the table of registers beside it',
  ],
]

/** Why a file of no known format holds no registers, where that can be said. */
export const withoutRegisters = (text: string): string | undefined =>
  beside.find(([pattern]) => pattern.test(text.slice(0, looked)))?.[1]

/** Of the whole of a large file, the beginning says what it is. */
const looked = 200_000

/** What a text is written in; undefined when nothing fits and it is no table either. */
export function detectFormat(text: string, name: string, delimiter: string | undefined): Detected | undefined {
  const start = text.slice(0, looked)
  const found = signs.find(({ test }) => test(start, name))
  if (found) return { format: found.format, confidence: found.confidence, reason: `The file ${found.reason}.` }
  const structured = /^\s*[{[]/.test(start) || /\.(json|ya?ml|toml|conf)$/i.test(name)
  if (delimiter === undefined || structured) return undefined
  const known = /\.(csv|tsv|txt|xlsx)$/i.test(name)
  return { format: 'table', confidence: known ? 0.7 : 0.5, reason: 'The file has rows of the same number of fields.' }
}
