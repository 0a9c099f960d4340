# One image for every process of Postbus; the command chooses the process:
#   docker run IMAGE uploader_service        docker run IMAGE publisher_service edge
FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /src
COPY requirements.lock .
# The locked installer and build tool first, their hashes checked by pip.
RUN awk '/^[^ ]/ { on = /^(uv|hatchling|packaging|pathspec|pluggy|trove-classifiers)==/ } on' requirements.lock > tools.txt \
    && pip install --require-hashes --no-deps --requirement tools.txt
COPY LICENSE .
COPY libs libs
COPY services services
COPY sandbox sandbox
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./libs/* ./services/* ./sandbox
# The lock as constraints: what the packages ask for and nothing else of it, each at its locked version, hashes checked.
RUN python -m venv --without-pip /opt/postbus \
    && uv pip install --python /opt/postbus/bin/python --constraints requirements.lock /wheels/*.whl

FROM python:3.11-slim

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin postbus
COPY --from=build /opt/postbus /opt/postbus
ENV PATH=/opt/postbus/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
# Exec form: SIGTERM reaches Python itself, and stopping is orderly.
ENTRYPOINT ["python", "-m"]
CMD ["publisher_service"]
