/** The version of this package; the release tool writes it from package.json (checked by a test). */
export const VERSION = "0.1.0";
