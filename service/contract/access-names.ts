// Apart from the schemas, so that pages need not load the library that checks them.

/** From the least to the most: each may do what those before it may. */
export const roles = ['viewer', 'operator', 'installer', 'admin'] as const
export type Role = (typeof roles)[number]

/** Whether somebody with a role may do what needs another one. */
export const roleIncludes = (held: Role, needed: Role): boolean => roles.indexOf(held) >= roles.indexOf(needed)

/** The subprotocol that the live socket speaks, and what a ticket begins with in the list that a client offers. */
export const liveProtocol = 'r-ems.live'
export const ticketProtocol = 'ticket.'

/** Of a request that changes something with the cookie of a session; any value. */
export const pageHeader = 'x-r-ems'
