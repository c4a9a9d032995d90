# The base image. `--build-arg BASE=by_digest` selects the one that Dependabot renews; the default is the image that has
# the tag, such as a local one. Only the selected one is pulled.
ARG BASE=by_tag
FROM python:3.13-slim AS by_tag
FROM python:3.13-slim@sha256:70729b46c69b4f1e97c4822c1af3df53a1476cf5ddc6c087c0c10bc3a5678c2f AS by_digest

# This stage installs and compiles. The later stages contain only its results.
FROM ${BASE} AS build
WORKDIR /service
COPY service_requirements.txt .
RUN python -m pip install --no-cache-dir --no-warn-script-location --root-user-action=ignore --only-binary :all: \
      --no-deps --require-hashes --prefix=/packages -r service_requirements.txt \
 && rm service_requirements.txt \
 && find /packages \( -type d -name tests -prune -o -name '*.py[ix]' -o -name '*.pxd' \) -exec rm -r {} +
COPY configuration configuration
COPY credit_risk_model credit_risk_model
RUN python -m compileall -q credit_risk_model && chmod -R a+rX . \
 && mkdir /scoring && mv credit_risk_model/loan_files credit_risk_model/scoring /scoring

FROM build AS build-scoring
COPY scoring_requirements.txt .
RUN python -m pip install --no-cache-dir --no-warn-script-location --root-user-action=ignore --only-binary :all: \
      --no-deps --require-hashes --prefix=/packages -r scoring_requirements.txt \
 && rm scoring_requirements.txt \
 && find /packages \( -type d -name tests -prune -o -name '*.py[ix]' -o -name '*.pxd' \) -exec rm -r {} +

FROM ${BASE} AS base
LABEL org.opencontainers.image.title="credit_risk_model_service" \
      org.opencontainers.image.description="Classifies loans as safe or risky, with honest health checks." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT AND Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim"
# hadolint ignore=DL3008  # LightGBM needs it; Debian's mirror drops a pinned version after its next fix
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt
# One thread per library: the service has its own threads, and larger pools would only take memory.
ENV REST_CONFIG=./configuration/rest_configuration.yaml OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKDIR /service
USER 10001:10001

# The command that scores whole files, built by `make scoring-image` and run by kubernetes/jobs/score.yaml.
FROM base AS scoring
LABEL org.opencontainers.image.title="credit_risk_model_scoring"
COPY --from=build-scoring /packages /usr/local
COPY --from=build /service /service
COPY --from=build /scoring /service/credit_risk_model
ENTRYPOINT ["python", "-m", "credit_risk_model.scoring"]

# The service. It is the last stage, so `docker build` builds it by default.
FROM base
COPY --from=build /packages /usr/local
COPY --from=build /service /service
EXPOSE 8000
# A bare socket, because each check would take three times as long if it imported an HTTP client.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-I", "-S", "-c", "\
import socket\n\
asking = socket.create_connection(('localhost', 8000))\n\
asking.sendall(b'GET /api/health/ready HTTP/1.0\\r\\n\\r\\n')\n\
raise SystemExit(b' 200 ' not in asking.recv(64))"]
CMD ["python", "-m", "credit_risk_model.service", "--host", "*", "--port", "8000"]
