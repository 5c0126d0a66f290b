/** Names of routes, in the order of the tabs. */
export const busTabs = ['bus', 'scan', 'listen', 'registers', 'frames', 'health'] as const
