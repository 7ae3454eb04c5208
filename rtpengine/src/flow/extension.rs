//! RTP header extensions on their way to a sink (media-plane.md §14).

use rtpengine_common::rtp::{Extension, ExtensionBuilder, ExtensionForm, PushError, RtpPacket};

use super::events::Notice;
use super::packet::Packet;
use super::spec::Extensions;

/// Rebuilds a packet's header extension for a sink. `input` and `output` are what the two medias negotiated; `two_byte`
/// says, and remembers, that the output media writes the two-byte form.
pub(super) fn rebuild(
    packet: &mut Packet,
    input: Option<&Extensions>,
    output: Option<&Extensions>,
    two_byte: &mut bool,
    say: &mut dyn FnMut(Notice),
) {
    let rewrite = Rewrite { input, output, allow_mixed: output.is_some_and(|output| output.allow_mixed) };
    *two_byte |= output.is_some_and(Extensions::needs_two_byte);
    let form = if *two_byte { ExtensionForm::TwoByte } else { ExtensionForm::OneByte };
    let Ok(view) = RtpPacket::parse(packet.bytes()) else { return };
    let mut builder = match rewrite.collect(&view, form, say) {
        Ok(builder) => builder,
        Err(NeedsTwoByte) => {
            *two_byte = true;
            let collected = rewrite.collect(&view, ExtensionForm::TwoByte, say);
            let Ok(builder) = collected else { return };
            builder
        }
    };
    // Where the room is too small the packet keeps the extension it came with: it still says what its sender said.
    let _ = packet.replace_extension(builder.finish());
}

/// An element does not fit the one-byte form and the peer allows the other one.
struct NeedsTwoByte;

struct Rewrite<'a> {
    input: Option<&'a Extensions>,
    output: Option<&'a Extensions>,
    allow_mixed: bool,
}

impl Rewrite<'_> {
    fn collect(
        &self,
        packet: &RtpPacket<'_>,
        form: ExtensionForm,
        say: &mut dyn FnMut(Notice),
    ) -> Result<ExtensionBuilder, NeedsTwoByte> {
        let mut builder = ExtensionBuilder::new(form);
        if let Some((id, value)) = self.output.and_then(Extensions::own_mid) {
            self.push(&mut builder, id, value, say)?;
        }
        let extension = packet.extension();
        for element in extension.iter().flat_map(Extension::elements) {
            if self.passes(element.id) {
                self.push(&mut builder, element.id, element.value, say)?;
            }
        }
        Ok(builder)
    }

    /// Known to both sides, and not the MID, which is each side's own.
    fn passes(&self, id: u8) -> bool {
        let forwards =
            |side: Option<&Extensions>| side.is_some_and(|side| side.contains(id) && !side.is_mid(id));
        forwards(self.input) && forwards(self.output)
    }

    fn push(
        &self,
        builder: &mut ExtensionBuilder,
        id: u8,
        value: &[u8],
        say: &mut dyn FnMut(Notice),
    ) -> Result<(), NeedsTwoByte> {
        match builder.push(id, value) {
            Ok(()) => Ok(()),
            Err(PushError::NotShort { .. }) if self.allow_mixed => Err(NeedsTwoByte),
            Err(error) => {
                say(Notice::ExtensionLeftOut { error });
                Ok(())
            }
        }
    }
}
