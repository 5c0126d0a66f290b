import { z } from 'zod'
import { economics } from '#contract/economics.ts'
import {
  accountAnswer,
  controllerAnswer,
  deviceAnswer,
  installationAnswers,
  licenseAnswers,
  networkAnswers,
  type SetupField,
  type SetupForm,
  type SetupFormName,
} from '#contract/setup.ts'
import { circuit, grid } from '#contract/site.ts'
import { batterySettings, chargerSettings, loadSettings, pvSettings } from '#contract/site-device.ts'

/** The part of JSON Schema that the answers need. */
const node = z.looseObject({
  type: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  unit: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  maxLength: z.number().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), node).optional()
  },
  get items() {
    return node.optional()
  },
  get anyOf() {
    return z.array(node).optional()
  },
})
type Node = z.infer<typeof node>

/** What is asked in each form. Parts that only the file can say, such as a tariff by the hour, are left out. */
const sources: readonly (readonly [form: SetupFormName, schema: z.ZodType, only?: readonly string[]])[] = [
  ['installation', installationAnswers],
  ['device', deviceAnswer, ['id', 'name', 'role', 'map', 'connection', 'unitId', 'circuit', 'phases']],
  ['battery', batterySettings],
  ['charger', chargerSettings],
  ['load', loadSettings],
  ['pv', pvSettings],
  ['grid', grid, ['id', 'name', 'nominalVoltageV', 'phases']],
  ['circuit', circuit, ['id', 'name', 'fuseA', 'maxImportW', 'maxExportW', 'maxUnbalanceA', 'meter']],
  [
    'economics',
    economics,
    ['currency', 'importPrice', 'exportPrice', 'chargeBelow', 'holdBelow', 'peakImportW', 'wearPrice'],
  ],
  ['network', networkAnswers],
  ['controller', controllerAnswer],
  ['account', accountAnswer],
  ['license', licenseAnswers],
]

/** Fields that most sites leave as they are. */
const special: Partial<Record<SetupFormName, readonly string[]>> = {
  battery: ['maxSocPercent', 'rampWPerS', 'chargeFromGrid', 'supportsChargers', 'dimmable'],
  charger: ['minCurrentA', 'switchesPhases', 'safeCurrentA', 'minOnS', 'minOffS', 'dwellS', 'rampAPerS', 'dimmable'],
  load: ['minW', 'safeW', 'minOnS', 'minOffS', 'dwellS', 'rampWPerS', 'dimmable'],
  pv: ['rampWPerS'],
  grid: ['nominalVoltageV'],
  circuit: ['maxUnbalanceA'],
  economics: ['currency', 'chargeBelow', 'holdBelow', 'wearPrice'],
}

/** The fields of every form with title, unit, help and limits, as the contract has them. */
export function setupForms(): SetupForm[] {
  return sources.map(([form, schema, only]) => {
    const { properties = {}, required = [] } = node.parse(z.toJSONSchema(schema, { io: 'input' }))
    const fields = Object.entries(properties).flatMap(([key, property]) => {
      if (only && !only.includes(key)) return []
      const field = fieldOf(key, property)
      const main = special[form]?.includes(key) !== true
      return field ? [{ ...field, required: required.includes(key), main }] : []
    })
    return { form, fields }
  })
}

/** Undefined for what a single field cannot hold. */
function fieldOf(key: string, property: Node): Omit<SetupField, 'required' | 'main'> | undefined {
  // Of a choice, such as a price or a tariff, the plain one is asked.
  const plain = property.anyOf?.[0] ?? property
  const kind = kindOf(plain)
  if (!kind) return undefined
  const min = plain.minimum ?? plain.exclusiveMinimum
  const { title = key, description = '', unit, default: preset } = property
  return {
    key,
    title,
    help: description,
    kind,
    ...(unit !== undefined && { unit }),
    ...(preset !== undefined && { default: preset }),
    ...(plain.enum && { choices: plain.enum }),
    ...(min !== undefined && { min }),
    ...(plain.maximum !== undefined && { max: plain.maximum }),
    ...(plain.maxLength !== undefined && { maxLength: plain.maxLength }),
  }
}

function kindOf({ type, enum: words, items }: Node): SetupField['kind'] | undefined {
  if (type === 'string') return words ? 'choice' : 'text'
  if (type === 'boolean') return 'switch'
  if (type === 'integer') return 'whole'
  if (type === 'number') return 'number'
  if (type === 'array' && items?.type === 'string') return items.enum ? 'phases' : 'words'
  return undefined
}
