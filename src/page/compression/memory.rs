//! The working memory of a Brotli encoder, which goes back to the system with the encoder.
//!
//! A heap may keep it: glibc maps only blocks that are larger than each that it has unmapped before (mallopt(3),
//! `M_MMAP_THRESHOLD`), so that the second encoder of a process would leave a megabyte behind.

use brotli::enc::StandardAlloc;
use brotli::enc::combined_alloc::BrotliAlloc;
use brotli::{Allocator, CombiningAllocator, SliceWrapper, SliceWrapperMut};
use bytemuck::Pod;
use memmap2::MmapMut;

/// Smaller blocks are on the heap. In bytes.
const MIN_MAPPED: usize = 32 << 10;

/// Returns the allocator of an encoder. Only the window and the hash table are large: blocks of `u8` and of `u32`.
#[rustfmt::skip]
pub(super) fn allocator() -> impl BrotliAlloc {
    let heap = StandardAlloc::default();
    CombiningAllocator::new(
        Memory, heap, heap, Memory, heap, heap, heap, heap, heap,
        heap, heap, heap, heap, heap, heap, heap, heap, heap,
    )
}

/// Allocates large blocks by mapping them, each by itself.
pub(super) struct Memory;

/// Some `T`, which are zero at first.
pub(super) enum Block<T> {
    Heap(Vec<T>),
    Mapped(MmapMut),
}

impl<T: Pod> Allocator<T> for Memory {
    type AllocatedMemory = Block<T>;

    fn alloc_cell(&mut self, len: usize) -> Block<T> {
        let length = len * size_of::<T>();
        let mapped = (length >= MIN_MAPPED).then(|| MmapMut::map_anon(length).ok()).flatten();
        mapped.map_or_else(|| Block::Heap(vec![T::zeroed(); len]), Block::Mapped)
    }

    fn free_cell(&mut self, _block: Block<T>) {}
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl<T: Pod> SliceWrapper<T> for Block<T> {
    fn slice(&self) -> &[T] {
        match self {
            Self::Heap(values) => values,
            // A page is aligned for every type.
            Self::Mapped(bytes) => bytemuck::cast_slice(bytes),
        }
    }
}

impl<T: Pod> SliceWrapperMut<T> for Block<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        match self {
            Self::Heap(values) => values,
            Self::Mapped(bytes) => bytemuck::cast_slice_mut(bytes),
        }
    }
}
