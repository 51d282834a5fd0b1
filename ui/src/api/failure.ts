// What every failed request becomes: the gateway's own words, its code, and the request id to look it up by.

interface Wire {
  error?: { message?: string; code?: string | number; param?: string | null };
}

export class Failure extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  readonly requestId: string | null;

  constructor(status: number, code: string, message: string, param: string | null, requestId: string | null) {
    super(message);
    this.name = "Failure";
    this.status = status;
    this.code = code;
    this.param = param;
    this.requestId = requestId;
  }

  static fromResponse(response: Response, body: unknown): Failure {
    const error = (body as Wire | undefined)?.error;
    return new Failure(
      response.status,
      String(error?.code ?? `http_${response.status}`),
      error?.message ?? `The gateway answered with status ${response.status}.`,
      error?.param ?? null,
      response.headers.get("x-request-id"),
    );
  }

  static unreachable(): Failure {
    return new Failure(
      0,
      "unreachable",
      "The gateway cannot be reached. Check that it is running, then try again.",
      null,
      null,
    );
  }

  static of(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    return new Failure(0, "console_error", thrown instanceof Error ? thrown.message : String(thrown), null, null);
  }

  /** The session is over, or there was none. */
  get loggedOut(): boolean {
    return this.status === 401 && this.code === "not_authenticated";
  }

  /** Worth trying again without a change. */
  get transient(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}
