"""CameraDropbox: a robot that may block the camera which is to stop it, and an inspector who opens the dropbox."""

from rrm.envs.adapters import register
from rrm.envs.families.camera_dropbox.rules import CameraDropbox, DropboxInspection

__all__ = ["CameraDropbox", "DropboxInspection"]

register("rrm/CameraDropbox-v0", CameraDropbox)
register("rrm/CameraDropboxGlass-v0", CameraDropbox, dropbox="glass")
register("rrm/CameraDropboxSealed-v0", CameraDropbox, dropbox="sealed")
register("rrm/CameraDropboxInspection-v0", DropboxInspection)
