import { z } from 'zod'
import { edgeProblem, firstContact, foundEdge, knownEdge } from './desktop.ts'

/*
 * Other edges, as a service knows them: the one on a laptop brings configurations to them over pinned connections.
 *
 * GET    /api/v1/edges                        installer  KnownEdges: those it has paired with
 * GET    /api/v1/edges/found                  installer  FoundEdges: those that announce themselves; takes two seconds
 * POST   /api/v1/edges/contacts               installer  EdgeContactRequest in, ContactAnswer out: the fingerprint to compare
 * POST   /api/v1/edges/pair                   installer  EdgePairRequest in, PairedAnswer out: sends the code, pins the CA
 * DELETE /api/v1/edges/:id                    installer  forgets the edge, its CA and its token
 * *      /api/v1/edges/:id/deployment[/...]   installer  what the edge answers to /api/v1/deployment[/...]. Only
 *                                                        POST candidate/files is different: the files are signed here, with
 *                                                        the key of this machine, which the edge gets to know if need be.
 */

export const knownEdges = z.strictObject({ edges: z.array(knownEdge).max(1000) })
export type KnownEdges = z.infer<typeof knownEdges>

export const foundEdges = z.strictObject({ edges: z.array(foundEdge).max(200) })
export type FoundEdges = z.infer<typeof foundEdges>

/** HTTPS, HOST or HOST:PORT; port 8443 by default. */
export const edgeContactRequest = z.strictObject({ address: z.string().min(1).max(300).meta({ title: 'Address' }) })
export type EdgeContactRequest = z.infer<typeof edgeContactRequest>

export const edgePairRequest = z.strictObject({
  contactId: z.uuid(),
  code: z.string().min(6).max(40).meta({ title: 'Pairing code' }),
})
export type EdgePairRequest = z.infer<typeof edgePairRequest>

/** Problems are values: the person at the screen can mend most of them. */
const problem = z.strictObject({ ok: z.literal(false), problem: edgeProblem })
export const contactAnswer = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: firstContact }),
  problem,
])
export type ContactAnswer = z.infer<typeof contactAnswer>
export const pairedAnswer = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: knownEdge }),
  problem,
])
export type PairedAnswer = z.infer<typeof pairedAnswer>

/** What follows /api/v1/deployment on the other edge. */
export const deploymentPath = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(\/[A-Za-z0-9]+)*$/, 'a path of /api/v1/deployment')
