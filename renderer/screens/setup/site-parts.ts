import { listAt, type Place, textAt, valueAt } from './setup-places.ts'

/** A circuit of the answers, where it lies and how deep below its grid connection. */
export interface CircuitAt {
  readonly id: string
  readonly name: string
  readonly place: Place
  readonly depth: number
}

/** All circuits of the grids, each before those below it. */
export function circuitsOf(answers: unknown): CircuitAt[] {
  const below = (circuit: unknown, place: Place, depth: number): CircuitAt[] => {
    const id = textAt(circuit, ['id'])
    return [
      { id, name: textAt(circuit, ['name']) || id, place, depth },
      ...listAt(circuit, ['circuits']).flatMap((child, at) => below(child, [...place, 'circuits', at], depth + 1)),
    ]
  }
  return listAt(answers, ['grids']).flatMap((grid, at) =>
    below(valueAt(grid, ['connection']), ['grids', at, 'connection'], 0),
  )
}
