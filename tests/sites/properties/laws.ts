import { answers, rises, unknown } from './laws-of-answers.ts'
import { fuses, reserve, tiers } from './laws-of-limits.ts'
import { balance, repeats, shares } from './laws-of-sharing.ts'

/** What must hold for every site, whatever is measured. */
export const laws = { fuses, tiers, reserve, balance, shares, repeats, answers, rises, unknown } as const
