/** What becomes known of one request on its way through the server, for those who note it down: the audit log, the metrics. */
import type { ObjectMeta, Status } from "../../api/gen/types.ts";
import type { Attributes } from "./auth/attributes.ts";
import type { Decision } from "./auth/rbac.ts";
import type { User } from "./auth/user.ts";
import type { RequestInfo } from "./request-info.ts";

/** Each field is there from the moment at which it is known. */
export interface RequestRecord {
  /** Of HTTP, when it is one that Kubernetes knows. */
  method?: string;
  /** Whether there is a handler for it. */
  isServed?: boolean;
  isDryRun?: boolean;
  isApply?: boolean;
  info?: RequestInfo;
  attributes?: Attributes;
  /** Whether it stays open as long as the client likes. */
  isLongRunning?: boolean;
  /** Who sent it. */
  sender?: User;
  /** As whom, when that is another. */
  impersonated?: User;
  decision?: Decision;
  /** What the object in the body says of itself. */
  sent?: Pick<ObjectMeta, "name" | "uid" | "resourceVersion">;
  /** Of the beginning of the answer: 200, or 101 when it left HTTP. */
  startedCode?: number;
  /** What was answered instead of what was asked for. */
  failure?: Status;
  /** Called when the answer to a request that is long-running has begun. */
  onStarted?: () => void;
}

/** Notes that an answer without a foreseeable end has begun. */
export function noteStarted(record: RequestRecord, code: number): void {
  record.startedCode = code;
  if (record.isLongRunning) record.onStarted?.();
}
