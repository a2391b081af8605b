/** A runtime under test: something that answers the CRI on a socket, with nothing in it that was there before. */
export interface Subject extends AsyncDisposable {
  /** `unix:///…`. */
  readonly endpoint: string;
  /** Name and version, for the report. */
  readonly version: string;
}

export interface SubjectOptions {
  /** Folder for all that the runtime keeps; removed by the caller. */
  readonly scratch: string;
  /** Folder of `<host>/hosts.toml` files that lead to the local registry. */
  readonly hosts: string;
}
