/** Put in place by the build. */
declare const R_EMS_BUILT_AT_MS: number

/** When this app was built, in ms since 1970: a clock that shows an earlier time is wrong. */
export const builtAtMs = R_EMS_BUILT_AT_MS
