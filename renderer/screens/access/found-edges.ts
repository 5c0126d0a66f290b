import type { FoundEdge, KnownEdge } from '#contract/desktop.ts'

/** Announced edges that this app does not know yet; what they claim to be is checked at first contact. */
export const newEdges = (found: readonly FoundEdge[], known: readonly KnownEdge[]): readonly FoundEdge[] =>
  found.filter(
    (edge, index) =>
      !known.some(({ id, address }) => address === edge.address && (edge.id === undefined || id === edge.id)) &&
      found.findIndex(({ address }) => address === edge.address) === index,
  )
