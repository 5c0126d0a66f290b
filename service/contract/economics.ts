import { z } from 'zod'

const price = z.number().min(-10).max(10)
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:00')

/** A price that depends on the time of day in the site's time zone; the last matching slot wins. */
export const tariffPrice = z.union([
  price,
  z.strictObject({
    base: price,
    slots: z
      .array(
        z.strictObject({
          from: clock,
          /** At or before `from`, it is on the next day. */
          to: clock,
          days: z
            .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
            .min(1)
            .max(7)
            .optional(),
          price,
        }),
      )
      .max(50),
  }),
])
export type TariffPrice = z.infer<typeof tariffPrice>

/** What the site prefers within its limits. Prices are in `currency` per kWh. */
export const economics = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('EUR')
    .meta({ title: 'Currency', description: 'Three capital letters, such as EUR.' }),
  importPrice: tariffPrice.default(0.3).meta({
    title: 'Price of import, per kWh',
    description: 'One price for all hours. Tariffs by the hour are written in the file.',
  }),
  exportPrice: tariffPrice
    .default(0.08)
    .meta({ title: 'Price of export, per kWh', description: 'What a kilowatt-hour that is fed in earns.' }),
  /** Batteries that may charge from the grid do so at or below this import price. */
  chargeBelow: price.optional().meta({
    title: 'Charge from the grid at or below',
    description: 'Batteries that may charge from the grid do so at or below this import price.',
  }),
  /** Batteries do not discharge into the site's own loads below this import price. */
  holdBelow: price.optional().meta({
    title: 'Keep the battery at or below',
    description: 'Batteries do not discharge into the loads of the site at or below this import price.',
  }),
  /** Peak shaving: the mean import of each quarter of an hour stays below this. */
  peakImportW: z.number().positive().max(100_000_000).optional().meta({
    title: '15-minute peak',
    unit: 'W',
    description: 'The mean import of each quarter of an hour stays below it.',
  }),
  /**
   * Why economic control is off, in a few words: batteries rest but for what circuits and people ask of them, and neither prices nor
   * the 15-minute peak count. Absent while it is on.
   */
  off: z.string().min(1).max(300).optional().meta({ title: 'Economic control is off, because' }),
  /** Wear of a battery, per kWh discharged. */
  wearPrice: z.number().min(0).max(1).default(0.02).meta({
    title: 'Wear of a battery, per kWh',
    description: 'What a kilowatt-hour through the battery costs in wear.',
  }),
})
export type Economics = z.infer<typeof economics>

/**
 * A plan arrives as the marginal value of stored energy, not as setpoints: control trades against it at meter speed.
 * In each slot, `worth` falls with the state of charge; between the points it is linear.
 */
export const valueCurves = z.strictObject({
  device: z.string().max(40),
  slots: z
    .array(
      z.strictObject({
        fromMs: z.number(),
        toMs: z.number(),
        worth: z
          .array(z.strictObject({ socPercent: z.number().min(0).max(100), price }))
          .min(1)
          .max(200),
      }),
    )
    .max(400),
})
export type ValueCurves = z.infer<typeof valueCurves>
