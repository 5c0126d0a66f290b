import type { PendingTrial, Pointer, Remembered } from './pointer.ts'

/** Generations that are kept for going back. */
export const generationsKept = 50

/** What is known of a generation when it is made. */
export type Facts = Pick<Remembered, 'hash' | 'origin' | 'siteName' | 'by' | 'why' | 'atMs' | 'keyId' | 'restores'>

/*
 * The states of a deployment, as steps from one pointer to the next. Each is made durable as a whole before it acts.
 *
 *   (folder as written by hand) ──first──▶ confirmed ──beginTrial──▶ trial ──confirmTrial──▶ confirmed
 *                                              ▲                      │
 *                                              └──────endTrial────────┘   countdown over, gates failed, service died, asked for
 *   confirmed ──addConfirmed──▶ confirmed      a change on the edge itself, or a rollback: no trial
 */

/** What was found on the edge becomes generation 1. */
export function firstPointer(facts: Facts): Pointer {
  const generation: Remembered = { ...facts, number: 1, state: 'confirmed', confirmedAtMs: facts.atMs }
  return { format: 'r-ems-deployment/1', active: 1, confirmed: 1, next: 2, generations: [generation] }
}

/** The new generation runs from the next start on, until it is confirmed or its trial ends. */
export function beginTrial(
  pointer: Pointer,
  facts: Facts,
  trial: Pick<PendingTrial, 'id' | 'by' | 'startedAtMs' | 'countdownS'>,
): Pointer {
  const number = pointer.next
  const returnsTo = pointer.confirmed
  return kept({
    ...pointer,
    active: number,
    next: number + 1,
    trial: { ...trial, generation: number, returnsTo },
    generations: [...pointer.generations, { ...facts, number, base: returnsTo, state: 'trial' }],
  })
}

export function confirmTrial(pointer: Pointer, by: string, atMs: number): Pointer {
  const { trial, ...rest } = pointer
  if (!trial) return pointer
  return kept({
    ...rest,
    confirmed: trial.generation,
    generations: changed(pointer, trial.generation, { state: 'confirmed', confirmedAtMs: atMs, confirmedBy: by }),
  })
}

/** Back to the generation before. */
export function endTrial(pointer: Pointer, why: string, atMs: number): Pointer {
  const { trial, ...rest } = pointer
  if (!trial) return pointer
  return kept({
    ...rest,
    active: trial.returnsTo,
    confirmed: trial.returnsTo,
    generations: changed(pointer, trial.generation, {
      state: 'returned',
      returnedAtMs: atMs,
      returnedWhy: why.slice(0, 1000),
    }),
  })
}

/** A generation made on the edge itself, in force at once. */
export function addConfirmed(pointer: Pointer, facts: Facts): Pointer {
  const number = pointer.next
  const added: Remembered = {
    ...facts,
    number,
    base: pointer.active,
    state: 'confirmed',
    confirmedAtMs: facts.atMs,
    confirmedBy: facts.by,
  }
  return kept({
    ...pointer,
    active: number,
    confirmed: number,
    next: number + 1,
    generations: [...pointer.generations, added],
  })
}

/** What runs cannot be read any more: an older confirmed one that can. */
export function fallBack(pointer: Pointer, to: number, why: string, atMs: number): Pointer {
  const ended = pointer.trial ? endTrial(pointer, why, atMs) : pointer
  return { ...ended, active: to, confirmed: to }
}

/** The one that a rollback without a number goes to: confirmed, before what runs, and with other files. */
export function rollbackTarget(pointer: Pointer): Remembered | undefined {
  const active = pointer.generations.find(({ number }) => number === pointer.active)
  return pointer.generations.findLast(
    ({ number, state, hash }) => number < pointer.active && state === 'confirmed' && hash !== active?.hash,
  )
}

const changed = (pointer: Pointer, number: number, change: Partial<Remembered>): Remembered[] =>
  pointer.generations.map((each) => (each.number === number ? { ...each, ...change } : each))

/** The oldest make room, but never one that runs or may be returned to. */
function kept(pointer: Pointer): Pointer {
  const needed = new Set([pointer.active, pointer.confirmed, pointer.trial?.returnsTo])
  let surplus = pointer.generations.length - generationsKept
  const generations = pointer.generations.filter(({ number }) => needed.has(number) || surplus-- <= 0)
  return { ...pointer, generations }
}
