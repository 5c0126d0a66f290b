/** Upper edges of the columns of a histogram of answer times, in ms; the last column is everything above. */
export const answerTimeEdgesMs = [
  2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000,
] as const
/** Minutes that are kept. */
export const minutesKept = 60
