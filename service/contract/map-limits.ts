/** Characters of a map that can be edited; the largest of the library has 25,000. */
export const mostMapText = 300_000
