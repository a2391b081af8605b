/** The few calls of the Kubernetes API that the bench makes, over the node's unix socket, with nothing in between. */
import { Agent, request } from "node:http";

export interface BenchPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly restartCount: number;
      readonly state: { readonly running?: unknown };
    }[];
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export async function call<T = unknown>(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  type = "application/json",
): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, socketPath, method, path, headers: { "content-type": type } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        else resolve(JSON.parse(text || "null") as T);
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The length of what is answered, which is read and not looked at. */
export async function readBytes(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, socketPath, path }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.on("end", () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`GET ${path}: ${response.statusCode}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Follows Pods from now on; the handler sees each event. Returns the end of it. */
export async function watchPods(
  socketPath: string,
  handler: (type: string, pod: BenchPod) => void,
): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/api/v1/namespaces/default/pods?watch=true" }, (response) => {
      let rest = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const event = JSON.parse(line) as { type: string; object: BenchPod };
          handler(event.type, event.object);
        }
      });
      response.on("error", () => {});
      resolve(() => outgoing.destroy());
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
