"""What the uploader passes to the runtime."""

from builders.uploader_states import WORKING
from uploader_service.effects import InitVideoUpload, ProbeSource, QueryCreator, QueryStatus, SendChunk
from uploader_service.plans import requested_effect
from uploader_service.processor import PROCESSOR


def test_only_inits_are_uninterruptible() -> None:
    assert PROCESSOR.uninterruptible == (InitVideoUpload,)
    assert {type(requested_effect(state)) for state in WORKING} == {
        ProbeSource,
        QueryCreator,
        InitVideoUpload,
        SendChunk,
        QueryStatus,
    }
