import type { DeploymentStatus, Generation } from '#contract/deployment.ts'
import type { Pointer } from './pointer.ts'

/** The generations as they are shown, oldest first. */
export function listed(pointer: Pointer | undefined): Generation[] {
  return (pointer?.generations ?? []).map((generation) => ({
    ...generation,
    active: generation.number === pointer?.active,
    restorable: generation.state === 'confirmed' && generation.number !== pointer?.active,
  }))
}

/** How the newest deployment ended. */
export function lastOutcome(pointer: Pointer | undefined): DeploymentStatus['last'] {
  const newest = pointer?.generations.findLast(
    ({ origin, state }) => origin !== 'local' && origin !== 'found' && state !== 'trial',
  )
  if (!newest) return undefined
  const { number, state, origin, atMs, confirmedAtMs, confirmedBy, returnedAtMs, returnedWhy, by, restores } = newest
  if (state === 'returned')
    return { generation: number, outcome: 'returned', atMs: returnedAtMs ?? atMs, text: returnedWhy ?? 'it returned' }
  if (origin === 'rollback')
    return {
      generation: number,
      outcome: 'rolled-back',
      atMs,
      text: `${by} went back to generation ${restores ?? number}`,
    }
  return {
    generation: number,
    outcome: 'confirmed',
    atMs: confirmedAtMs ?? atMs,
    text: `confirmed by ${confirmedBy ?? by}`,
  }
}
